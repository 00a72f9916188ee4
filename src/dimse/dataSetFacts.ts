/**
 * What a data set says of patient and study, for DICOM audit messages alone, and how it is read while it passes. It
 * travels sealed: a text or JSON that is made of it has nothing of it. Knows no association and no message.
 */
import {
  type DataSetReader,
  type ElementValue,
  MAX_START_BYTES,
  SPECIFIC_CHARACTER_SET,
  type WantedElements,
} from './dataSetStart';
import { dataSetReader } from './deflatedStart';
import { elementTexts } from './elementTexts';
import { isUid } from './elementValues';
import { encodingOf } from './transferSyntaxes';

const PATIENT_NAME = 0x0010_0010;
const PATIENT_ID = 0x0010_0020;
const ISSUER_OF_PATIENT_ID = 0x0010_0021;
const STUDY_INSTANCE_UID = 0x0020_000d;

const wanted: WantedElements = {
  tags: new Set([SPECIFIC_CHARACTER_SET, PATIENT_NAME, PATIENT_ID, ISSUER_OF_PATIENT_ID, STUDY_INSTANCE_UID]),
  required: [],
  last: STUDY_INSTANCE_UID,
};

/** The keys of a query; real ones have less than 2 KB. Of a longer one, its length is all that is kept. */
const MAX_IDENTIFIER_BYTES = 16 * 1024;
/** A name has up to three groups of 64 characters (PS3.5 §6.2). What is longer is cut. */
const MAX_TEXT_LENGTH = 200;
/** A C-MOVE can name many studies at once. */
const MAX_STUDIES = 20;

export interface DataSetFacts {
  readonly studyInstanceUids: readonly string[];
  readonly patientId?: string;
  readonly patientName?: string;
  /** The identifier of a query as it came, in base64; left out of one that is too long. */
  readonly query?: string;
  /** How that is encoded. */
  readonly transferSyntaxUid?: string;
}

/** Patient data on its way. Only what makes DICOM audit messages may open it, and the pipe that leads there. */
export class SealedFacts {
  readonly #facts: DataSetFacts;

  constructor(facts: DataSetFacts) {
    this.#facts = facts;
  }

  unseal(): DataSetFacts {
    return this.#facts;
  }

  toJSON(): undefined {
    return undefined;
  }

  toString(): string {
    return '(sealed)';
  }
}

/** Reads one data set. Each call gets all of it that has come; undefined: more is needed. */
export interface FactsReading {
  /** So many bytes are enough. */
  readonly maxBytes: number;
  read(bytes: Buffer, isWhole: boolean): DataSetFacts | undefined;
}

/** Of an image, and of the identifier of a C-GET or C-MOVE. */
export function studyReading(transferSyntaxUid: string): FactsReading {
  const reader = dataSetReader(transferSyntaxUid, wanted);
  return {
    maxBytes: MAX_START_BYTES,
    read(bytes, isWhole) {
      const reading = reader.read(bytes, isWhole);
      if (reading === 'more' && bytes.length < MAX_START_BYTES) return undefined;
      return reading === 'read'
        ? factsOf(reader, encodingOf(transferSyntaxUid).isBigEndian)
        : { studyInstanceUids: [] };
    },
  };
}

/** Of the identifier of a C-FIND, which is wanted whole. */
export function queryReading(transferSyntaxUid: string): FactsReading {
  return {
    maxBytes: MAX_IDENTIFIER_BYTES + 1,
    read(bytes, isWhole) {
      if (bytes.length > MAX_IDENTIFIER_BYTES) return { studyInstanceUids: [], transferSyntaxUid };
      return isWhole
        ? { studyInstanceUids: [], query: bytes.toString('base64'), transferSyntaxUid }
        : undefined;
    },
  };
}

function factsOf(reader: DataSetReader, isBigEndian: boolean): DataSetFacts {
  const characterSet = reader.value(SPECIFIC_CHARACTER_SET);
  const textsOf = (tag: number, representation: string) =>
    texts(reader.value(tag), representation, characterSet, isBigEndian);
  const [patientName] = textsOf(PATIENT_NAME, 'PN');
  const [id] = textsOf(PATIENT_ID, 'LO');
  const [issuer] = textsOf(ISSUER_OF_PATIENT_ID, 'LO');
  return {
    studyInstanceUids: textsOf(STUDY_INSTANCE_UID, 'UI').filter(isUid).slice(0, MAX_STUDIES),
    ...(id === undefined ? {} : { patientId: issuer === undefined ? id : `${id}^^^${issuer}` }),
    ...(patientName === undefined ? {} : { patientName }),
  };
}

/** Without those that are empty or that nobody can read. */
function texts(
  value: ElementValue | undefined,
  representation: string,
  characterSet: ElementValue | undefined,
  isBigEndian: boolean,
): readonly string[] {
  const found = value && elementTexts(value, representation, characterSet, isBigEndian);
  if (found === undefined || 'unclear' in found) return [];
  return (found.readings.at(-1) ?? [])
    .filter((text) => text !== '')
    .map((text) => text.slice(0, MAX_TEXT_LENGTH));
}
