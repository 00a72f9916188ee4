/** The part of dcmjs that tests use as an independent reader and writer of elements; it ships no types. */
declare module 'dcmjs' {
  interface DicomElement {
    vr: string;
    Value: (number | string)[];
  }
  /** Elements by tag, eight hexadecimal digits. */
  type DicomElements = Record<string, DicomElement>;

  export const data: {
    ReadBufferStream: new (
      bytes: ArrayBuffer,
      isLittleEndian: boolean,
      options: { noCopy: boolean },
    ) => object;
    WriteBufferStream: new (initialBytes: number) => { getBuffer(): ArrayBuffer };
    DicomMessage: {
      _read(stream: object, transferSyntax: string, options: { ignoreErrors: boolean }): DicomElements;
      /** Returns the number of bytes written. */
      write(elements: DicomElements, stream: object, transferSyntax: string, options: object): number;
    };
  };
}
