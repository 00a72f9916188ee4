/** All that is fuzzed. A new target needs its line here, and nothing else. */
import { arrivalTarget, proxyTarget } from './arrivalTargets';
import { commandSetTarget, dataSetTarget, storeRuleTarget } from './dimseTargets';
import { httpTarget } from './httpTarget';
import { associateTarget, framerTarget, readerTarget } from './pduTargets';
import type { FuzzTarget } from './target';
import { auditLinesTarget, configurationTarget, csvTarget, orthancTarget } from './textTargets';
import { pemTarget, pkcs12Target, x509Target } from './x509Targets';

export const targets: readonly FuzzTarget[] = [
  readerTarget,
  framerTarget,
  associateTarget,
  commandSetTarget,
  dataSetTarget,
  storeRuleTarget,
  proxyTarget,
  arrivalTarget,
  configurationTarget,
  csvTarget,
  orthancTarget,
  auditLinesTarget,
  x509Target,
  pemTarget,
  pkcs12Target,
  httpTarget,
];
