/** The part of dcmjs that the demo and the tests use; it ships no types. */
declare module 'dcmjs' {
  interface DicomElement {
    vr: string;
    /** Numbers, texts, an ArrayBuffer, or for SQ the elements of each item. */
    Value: unknown[];
  }
  /** Elements by tag, eight hexadecimal digits. */
  type DicomElements = Record<string, DicomElement>;

  interface WriteBufferStream {
    getBuffer(): ArrayBuffer;
  }

  export const data: {
    ReadBufferStream: new (
      bytes: ArrayBuffer,
      isLittleEndian: boolean,
      options: { noCopy: boolean },
    ) => object;
    WriteBufferStream: new (initialBytes: number, isLittleEndian?: boolean) => WriteBufferStream;
    DicomMessage: {
      _read(stream: object, transferSyntax: string, options: { ignoreErrors: boolean }): DicomElements;
      /** Returns the number of bytes written. */
      write(elements: DicomElements, stream: object, transferSyntax: string, options: object): number;
    };
    /** A Part 10 file: preamble, file meta information, data set. */
    DicomDict: new (
      meta: DicomElements,
    ) => { write(): ArrayBuffer };
    DicomMetaDictionary: {
      /** A new UID under 2.25. */
      uid(): string;
      /** Elements by keyword. */
      nameMap: Readonly<
        Record<string, { readonly tag: string; readonly vr: string; readonly vm: string } | undefined>
      >;
      /** Elements by keyword to elements by tag, with the dictionary's value representations. */
      denaturalizeDataset(dataset: Record<string, unknown>): DicomElements;
    };
  };
}
