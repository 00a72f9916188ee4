/**
 * Reads the text format of Prometheus (version 0.0.4), strictly: all but comments and samples throws. Independent of src/.
 */

export class Exposition {
  /** By name and labels as they are written, labels in alphabetical order: `up{a="1",b="2"}`. */
  readonly values = new Map<string, number>();
  readonly typeByName = new Map<string, string>();

  constructor(text: string) {
    if (!text.endsWith('\n')) throw new Error('the last line does not end');
    for (const line of text.split('\n')) {
      if (line === '' || line.startsWith('# HELP ')) continue;
      const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary)$/.exec(line);
      if (type !== null) this.typeByName.set(type[1]!, type[2]!);
      else this.#addSample(line);
    }
  }

  /** undefined where there is no such series. */
  value(series: string): number | undefined {
    return this.values.get(series);
  }

  /** Every series of a metric with its value, in alphabetical order. */
  series(name: string): Record<string, number> {
    const found = [...this.values].filter(([series]) => series === name || series.startsWith(`${name}{`));
    return Object.fromEntries(found.sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  #addSample(line: string): void {
    const [, name, , labels = '', text] =
      /^([a-zA-Z_:][\w:]*)(\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || text === undefined) throw new Error(`no sample: ${line}`);
    const value = text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text);
    // Prometheus reads numbers as Go does, in upper and lower case.
    if (Number.isNaN(value) && text.toLowerCase() !== 'nan') throw new Error(`no number: ${line}`);
    const sorted = (labels.match(/[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"/g) ?? []).sort().join();
    const series = sorted === '' ? name : `${name}{${sorted}}`;
    if (this.values.has(series)) throw new Error(`twice: ${series}`);
    this.values.set(series, value);
  }
}
