/**
 * The upper layer's state machine, PS3.8 Table 9-10, as data: what to do for every event in every state.
 * Pure. The names are words; the standard's number stands beside each. What the actions do on a socket is
 * known to leg.ts alone.
 */

export const states = [
  'idle', // Sta1: no association, no transport connection
  'awaitingRequest', // Sta2: transport open, awaiting A-ASSOCIATE-RQ
  'awaitingLocalAccept', // Sta3: request received, the gateway decides and asks the upstream
  'awaitingConnection', // Sta4: transport connection to the upstream under way
  'awaitingAnswer', // Sta5: request sent, awaiting A-ASSOCIATE-AC or -RJ
  'established', // Sta6
  'awaitingReleaseResponse', // Sta7: we sent A-RELEASE-RQ
  'awaitingLocalRelease', // Sta8: peer sent A-RELEASE-RQ
  'releaseCollisionRequestor', // Sta9
  'releaseCollisionAcceptor', // Sta10
  'releaseCollisionRequestorAwaiting', // Sta11
  'releaseCollisionAcceptorAwaiting', // Sta12
  'awaitingClose', // Sta13: the last PDU is sent, awaiting the end of the transport connection
] as const;
export type State = (typeof states)[number];

export const events = [
  'requestAssociation', // Evt1
  'connected', // Evt2
  'associateAc', // Evt3
  'associateRj', // Evt4
  'connectionAccepted', // Evt5
  'associateRq', // Evt6
  'acceptAssociation', // Evt7
  'rejectAssociation', // Evt8
  'sendData', // Evt9
  'pData', // Evt10
  'requestRelease', // Evt11
  'releaseRq', // Evt12
  'releaseRp', // Evt13
  'confirmRelease', // Evt14
  'requestAbort', // Evt15
  'abort', // Evt16
  'closed', // Evt17
  'artimExpired', // Evt18
  'invalidPdu', // Evt19
] as const;
export type Event = (typeof events)[number];

/** The actions of PS3.8 Tables 9-6 to 9-9, by their names there. */
export type Action =
  | 'AE-1' // open a transport connection
  | 'AE-2' // send A-ASSOCIATE-RQ
  | 'AE-3' // confirm: accepted
  | 'AE-4' // confirm: rejected, close
  | 'AE-5' // transport open: start ARTIM
  | 'AE-6' // stop ARTIM, indicate the request
  | 'AE-7' // send A-ASSOCIATE-AC
  | 'AE-8' // send A-ASSOCIATE-RJ, start ARTIM
  | 'DT-1' // send P-DATA-TF
  | 'DT-2' // indicate P-DATA
  | 'AR-1' // send A-RELEASE-RQ
  | 'AR-2' // indicate the release
  | 'AR-3' // confirm the release, close
  | 'AR-4' // send A-RELEASE-RP, start ARTIM
  | 'AR-5' // stop ARTIM
  | 'AR-6' // indicate P-DATA
  | 'AR-7' // send P-DATA-TF
  | 'AR-8' // release collision
  | 'AR-9' // send A-RELEASE-RP
  | 'AR-10' // confirm the release
  | 'AA-1' // send A-ABORT, start ARTIM
  | 'AA-2' // stop ARTIM, close
  | 'AA-3' // indicate the abort, close
  | 'AA-4' // indicate the loss of the connection
  | 'AA-5' // stop ARTIM
  | 'AA-6' // ignore
  | 'AA-7' // send A-ABORT
  | 'AA-8'; // send A-ABORT (provider), indicate it, start ARTIM

export interface Transition {
  readonly action: Action;
  readonly next: State;
}

/** Whether we requested the association (upstream) or accepted it (inbound). */
export type Role = 'acceptor' | 'requestor';

function to(action: Action, next: State): Transition {
  return { action, next };
}

type Row = Partial<Record<State, Transition>>;

/** Sta6 to Sta12: an association exists. */
const associated: readonly State[] = [
  'established',
  'awaitingReleaseResponse',
  'awaitingLocalRelease',
  'releaseCollisionRequestor',
  'releaseCollisionAcceptor',
  'releaseCollisionRequestorAwaiting',
  'releaseCollisionAcceptorAwaiting',
];

function inStates(list: readonly State[], transition: Transition): Row {
  return Object.fromEntries(list.map((state) => [state, transition]));
}

/** What a PDU does where Table 9-10 does not expect it: A-ABORT, except before and after the association. */
const unexpectedPdu: Row = {
  awaitingRequest: to('AA-1', 'awaitingClose'),
  ...inStates(['awaitingLocalAccept', 'awaitingAnswer', ...associated], to('AA-8', 'awaitingClose')),
  awaitingClose: to('AA-6', 'awaitingClose'),
};

const table: Record<Event, Row> = {
  requestAssociation: { idle: to('AE-1', 'awaitingConnection') },
  connected: { awaitingConnection: to('AE-2', 'awaitingAnswer') },
  associateAc: { ...unexpectedPdu, awaitingAnswer: to('AE-3', 'established') },
  associateRj: { ...unexpectedPdu, awaitingAnswer: to('AE-4', 'idle') },
  connectionAccepted: { idle: to('AE-5', 'awaitingRequest') },
  associateRq: {
    ...unexpectedPdu,
    awaitingRequest: to('AE-6', 'awaitingLocalAccept'),
    awaitingClose: to('AA-7', 'awaitingClose'),
  },
  acceptAssociation: { awaitingLocalAccept: to('AE-7', 'established') },
  rejectAssociation: { awaitingLocalAccept: to('AE-8', 'awaitingClose') },
  sendData: {
    established: to('DT-1', 'established'),
    awaitingLocalRelease: to('AR-7', 'awaitingLocalRelease'),
  },
  pData: {
    ...unexpectedPdu,
    established: to('DT-2', 'established'),
    awaitingReleaseResponse: to('AR-6', 'awaitingReleaseResponse'),
  },
  requestRelease: { established: to('AR-1', 'awaitingReleaseResponse') },
  releaseRq: {
    ...unexpectedPdu,
    established: to('AR-2', 'awaitingLocalRelease'),
    // The next state is the requestor's; transition() knows the acceptor's.
    awaitingReleaseResponse: to('AR-8', 'releaseCollisionRequestor'),
  },
  releaseRp: {
    ...unexpectedPdu,
    awaitingReleaseResponse: to('AR-3', 'idle'),
    releaseCollisionAcceptor: to('AR-10', 'releaseCollisionAcceptorAwaiting'),
    releaseCollisionRequestorAwaiting: to('AR-3', 'idle'),
  },
  confirmRelease: {
    awaitingLocalRelease: to('AR-4', 'awaitingClose'),
    releaseCollisionRequestor: to('AR-9', 'releaseCollisionRequestorAwaiting'),
    releaseCollisionAcceptorAwaiting: to('AR-4', 'awaitingClose'),
  },
  requestAbort: {
    awaitingConnection: to('AA-2', 'idle'),
    ...inStates(['awaitingLocalAccept', 'awaitingAnswer', ...associated], to('AA-1', 'awaitingClose')),
  },
  abort: {
    awaitingRequest: to('AA-2', 'idle'),
    ...inStates(['awaitingLocalAccept', 'awaitingAnswer', ...associated], to('AA-3', 'idle')),
    awaitingClose: to('AA-2', 'idle'),
  },
  closed: {
    awaitingRequest: to('AA-5', 'idle'),
    ...inStates(
      ['awaitingLocalAccept', 'awaitingConnection', 'awaitingAnswer', ...associated],
      to('AA-4', 'idle'),
    ),
    awaitingClose: to('AR-5', 'idle'),
  },
  artimExpired: {
    awaitingRequest: to('AA-2', 'idle'),
    awaitingClose: to('AA-2', 'idle'),
  },
  invalidPdu: { ...unexpectedPdu, awaitingClose: to('AA-7', 'awaitingClose') },
};

/**
 * What the standard says to do. Undefined where the event cannot happen in the state (an empty cell): for a
 * local event that is a defect of the caller.
 */
export function transition(role: Role, state: State, event: Event): Transition | undefined {
  const found = table[event][state];
  if (found?.action === 'AR-8' && role === 'acceptor') return to('AR-8', 'releaseCollisionAcceptor');
  return found;
}
