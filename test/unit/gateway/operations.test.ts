import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { protocolErrorOf } from '../../../src/association/protocolError';
import { type Operation, OutstandingOperations } from '../../../src/gateway/operations';

const STORE = 0x0001;
const RESPONSE = 0x8000;

function request(MessageID: number, CommandField = STORE) {
  return { MessageID, CommandField, CommandDataSetType: 1 };
}

function response(MessageIDBeingRespondedTo: number, CommandField = STORE | RESPONSE) {
  return { MessageIDBeingRespondedTo, CommandField, CommandDataSetType: 0x0101 };
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'none';
  } catch (error) {
    return protocolErrorOf(error).code;
  }
}

describe('outstanding operations', () => {
  it('are at most 32', () => {
    const operations = new OutstandingOperations();
    for (let id = 0; id < 32; id += 1) operations.begin(1, request(id));
    expect(codeOf(() => operations.begin(1, request(32)))).toBe('state-operations-limit');
    expect(operations.size).toBe(32);
  });

  it('are answered by their ID, on any context, by the response to their command', () => {
    const operations = new OutstandingOperations();
    const operation = operations.begin(3, request(7));
    expect(operations.answered(3, response(7))).toBe(operation);
    expect(operations.answered(1, response(7))).toBe(operation);
    expect(codeOf(() => operations.answered(3, response(8)))).toBe('state-response-unexpected');
    expect(codeOf(() => operations.answered(3, response(7, 0x8030)))).toBe('state-response-unexpected');
    expect([7, 8, undefined].map((id) => operations.of(id))).toEqual([operation, undefined, undefined]);
  });

  it('may have one more response behind a warning, if they have many; only the last one is known', () => {
    const operations = new OutstandingOperations();
    const [FIND, WARNING] = [0x0020, 0xb001];
    const first = operations.begin(3, request(7, FIND));
    expect([operations.end(first, WARNING), operations.size]).toEqual([true, 0]);
    expect(operations.answered(3, response(7, FIND | RESPONSE))).toBe(first);
    expect(operations.end(first, 0)).toBe(false);
    expect(codeOf(() => operations.answered(3, response(7, FIND | RESPONSE)))).toBe(
      'state-response-unexpected',
    );
    operations.end(operations.begin(3, request(8, FIND)), WARNING);
    operations.end(operations.begin(3, request(9, FIND)), WARNING);
    expect(codeOf(() => operations.answered(3, response(8, FIND | RESPONSE)))).toBe(
      'state-response-unexpected',
    );
    expect(codeOf(() => operations.answered(3, response(9)))).toBe('state-response-unexpected');
    const again = operations.begin(3, request(9));
    expect(operations.answered(3, response(9))).toBe(again);
    operations.end(again, 0xb000);
    expect(codeOf(() => operations.answered(3, response(9)))).toBe('state-response-unexpected');
  });

  it.each([
    [0x0010, true],
    [0x0021, true],
    [0x0020, false],
    [0x0001, false],
  ])('of command field %d are a retrieval: %s', (field, isRetrieving) => {
    const operations = new OutstandingOperations();
    operations.begin(1, request(1, field));
    expect(operations.isRetrieving).toBe(isRetrieving);
  });

  it('are what a plain list says, after any begins, answers and ends', () => {
    const step = fc.record({
      kind: fc.constantFrom('begin', 'answer', 'end'),
      id: fc.nat({ max: 40 }),
      context: fc.constantFrom(1, 3),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const operations = new OutstandingOperations();
        let model: Operation[] = [];
        for (const { kind, id, context } of steps) {
          const known = model.find(({ request: { MessageID } }) => MessageID === id);
          if (kind === 'begin') {
            const expected =
              known !== undefined
                ? 'state-message-id-in-use'
                : model.length >= 32
                  ? 'state-operations-limit'
                  : 'none';
            expect(
              codeOf(() => {
                model = [...model, operations.begin(context, request(id))];
              }),
            ).toBe(expected);
          } else if (kind === 'answer') {
            expect(codeOf(() => operations.answered(context, response(id)))).toBe(
              known === undefined ? 'state-response-unexpected' : 'none',
            );
          } else if (known !== undefined) {
            operations.end(known, 0);
            model = model.filter((operation) => operation !== known);
          }
          expect([...operations]).toEqual(model);
        }
      }),
      { numRuns: 300 },
    );
  });
});
