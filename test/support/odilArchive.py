"""
An archive made of odil: serves one association on a port, then ends. Takes every SOP class, stores nothing, and answers
every query with one match. Prints one line for each request and for the end.
"""
import sys

import odil

from odil import messages, registry


def report(*words):
    print(*words, flush=True)


def match():
    data_set = odil.DataSet()
    data_set.add(registry.QueryRetrieveLevel, ["STUDY"])
    data_set.add(registry.StudyInstanceUID, ["1.2.3"])
    return data_set


def stored(message):
    request = messages.CStoreRequest(message)
    report("store", request.get_affected_sop_instance_uid())
    return request, [messages.CStoreResponse(request.get_message_id(), 0x0000)]


def found(message):
    request = messages.CFindRequest(message)
    message_id = request.get_message_id()
    report("find")
    return request, [
        messages.CFindResponse(message_id, 0xFF00, match()),
        messages.CFindResponse(message_id, 0x0000),
    ]


def echoed(message):
    request = messages.CEchoRequest(message)
    sop_class = request.get_affected_sop_class_uid()
    report("echo")
    return request, [messages.CEchoResponse(request.get_message_id(), 0x0000, sop_class)]


SERVICES = {0x0001: stored, 0x0020: found, 0x0030: echoed}

association = odil.Association()
association.receive_association("v4", int(sys.argv[1]))
try:
    while True:
        received = association.receive_message()
        request, responses = SERVICES[received.get_command_field()](received)
        for response in responses:
            # It names a class, not a context: odil answers on the last one that it accepted for the class.
            association.send_message(response, request.get_affected_sop_class_uid())
except odil.AssociationReleased:
    report("released")
except odil.AssociationAborted:
    report("aborted")
