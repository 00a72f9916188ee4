"""Asks for an association whose only presentation context has an abstract syntax that is not a UID, and releases it."""
import sys

import odil

Context = odil.AssociationParameters.PresentationContext

association = odil.Association()
association.set_peer_host("127.0.0.1")
association.set_peer_port(int(sys.argv[1]))
parameters = association.update_parameters()
parameters.set_calling_ae_title("CT1").set_called_ae_title("ORTHANC")
parameters.set_presentation_contexts(
    [Context(1, "1.2.CT", [odil.registry.ImplicitVRLittleEndian], Context.Role.SCU)]
)
association.associate()
answered = association.get_negotiated_parameters().get_presentation_contexts()
print([(context.id, str(context.result)) for context in answered])
association.release()
