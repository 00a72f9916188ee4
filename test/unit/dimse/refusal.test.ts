import { describe, expect, it } from '@jest/globals';
import { encodeCommandSet } from '../../../src/dimse/encodeCommandSet';
import { refusalResponse } from '../../../src/dimse/refusal';
import { bytesOf } from './goldenCommandSets';

const NOT_AUTHORIZED = 0x0124;
const echo = {
  CommandField: 0x0030,
  MessageID: 1,
  AffectedSOPClassUID: '1.2.840.10008.1.1',
  CommandDataSetType: 0x0101,
};

describe('refusalResponse', () => {
  it('is the C-FIND-RSP that PS3.7 describes, byte for byte', () => {
    const request = {
      CommandField: 0x0020,
      MessageID: 1,
      AffectedSOPClassUID: '1.2.840.10008.5.1.4.1.2.2.1',
      Priority: 0,
      CommandDataSetType: 0x0001,
    };
    const expected = bytesOf([
      '0000 0000 04000000 6c000000  108 bytes follow',
      '0000 0200 1c000000 312e322e3834302e31303030382e352e312e342e312e322e322e3100  AffectedSOPClassUID',
      '0000 0001 02000000 2080  CommandField 8020H',
      '0000 2001 02000000 0100  MessageIDBeingRespondedTo 1',
      '0000 0008 02000000 0101  CommandDataSetType 0101H',
      '0000 0009 02000000 2401  Status 0124H',
      '0000 0209 18000000 64656e696564206279206761746577617920706f6c696379  ErrorComment',
    ]);
    const refusal = encodeCommandSet(refusalResponse(request, NOT_AUTHORIZED, 'denied by gateway policy'));
    expect(refusal.toString('hex')).toBe(expected.toString('hex'));
  });

  it('echoes the instance of a C-STORE', () => {
    const request = {
      ...echo,
      CommandField: 0x0001,
      AffectedSOPInstanceUID: '1.2.3',
      CommandDataSetType: 0x0001,
    };
    expect(refusalResponse(request, 0x0122)).toEqual({
      AffectedSOPClassUID: '1.2.840.10008.1.1',
      CommandField: 0x8001,
      MessageIDBeingRespondedTo: 1,
      CommandDataSetType: 0x0101,
      Status: 0x0122,
      AffectedSOPInstanceUID: '1.2.3',
    });
  });

  it('names as Affected what an N-ACTION named as Requested, and echoes its action type', () => {
    const request = {
      CommandField: 0x0130,
      MessageID: 9,
      RequestedSOPClassUID: '1.2.840.10008.1.20.1',
      RequestedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
      ActionTypeID: 1,
      CommandDataSetType: 0x0001,
    };
    expect(refusalResponse(request, NOT_AUTHORIZED)).toEqual({
      AffectedSOPClassUID: '1.2.840.10008.1.20.1',
      CommandField: 0x8130,
      MessageIDBeingRespondedTo: 9,
      CommandDataSetType: 0x0101,
      Status: 0x0124,
      AffectedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
      ActionTypeID: 1,
    });
  });

  it('echoes the event type of an N-EVENT-REPORT', () => {
    const request = { ...echo, CommandField: 0x0100, AffectedSOPInstanceUID: '1.2', EventTypeID: 2 };
    expect(refusalResponse(request, 0x0110)).toMatchObject({ CommandField: 0x8100, EventTypeID: 2 });
  });

  it('answers a command that has neither class nor instance', () => {
    const request = { CommandField: 0x0222, MessageID: 3, CommandDataSetType: 0x0101 };
    expect(refusalResponse(request, 0x0211)).toEqual({
      CommandField: 0x8222,
      MessageIDBeingRespondedTo: 3,
      CommandDataSetType: 0x0101,
      Status: 0x0211,
    });
  });

  it('cuts the comment to 64 characters and to the default repertoire', () => {
    expect(refusalResponse(echo, NOT_AUTHORIZED, 'x'.repeat(70)).ErrorComment).toBe('x'.repeat(64));
    expect(refusalResponse(echo, NOT_AUTHORIZED, 'Zugriff für\nC:\\x').ErrorComment).toBe('Zugriff f?r?C:/x');
    expect(refusalResponse(echo, NOT_AUTHORIZED, `${'x'.repeat(63)} y`).ErrorComment).toBe('x'.repeat(63));
    expect(refusalResponse(echo, NOT_AUTHORIZED, '')).not.toHaveProperty('ErrorComment');
  });

  it.each([0x0210, 0x0211, 0x0212])('leaves the comment out where status %i has none', (status) => {
    expect(refusalResponse(echo, status, 'why')).not.toHaveProperty('ErrorComment');
  });

  it('does not answer what has no message ID', () => {
    const cancel = { CommandField: 0x0fff, MessageIDBeingRespondedTo: 1, CommandDataSetType: 0x0101 };
    expect(() => refusalResponse(cancel, NOT_AUTHORIZED)).toThrow(TypeError);
  });
});
