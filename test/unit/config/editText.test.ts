import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'jsonc-parser';
import { addProperties, changeValues, removeProperty, setValue } from '../../../src/config/editText';

function contentOf(text: string): unknown {
  return parse(text, [], { allowTrailingComma: true });
}

function commentsOf(text: string): string[] {
  return text.match(/\/\/[^\r\n]*|\/\*.*?\*\//g) ?? [];
}

describe('adding to a JSON text with comments', () => {
  it('puts new properties behind the last one and touches nothing else', () => {
    const text = `{
  // what is allowed
  "list": {
    "a": { "x": 1 }, // the first

    "b": { "x": 2 } // the last
    // "c": { "x": 3 }
  } // end
}
`;
    expect(addProperties(text, ['list'], [['d', { x: 4, y: ['p', 'q'] }]])).toBe(`{
  // what is allowed
  "list": {
    "a": { "x": 1 }, // the first

    "b": { "x": 2 }, // the last

    "d": { "x": 4, "y": ["p", "q"] }
    // "c": { "x": 3 }
  } // end
}
`);
  });

  it('keeps trailing commas, tabs and line ends as the text has them', () => {
    const text = '{\r\n\t"list": {\r\n\t\t"a": {\r\n\t\t\t"x": 1,\r\n\t\t},\r\n\t},\r\n}\r\n';
    expect(addProperties(text, ['list'], [['b', { x: [1, 2] }]])).toBe(
      '{\r\n\t"list": {\r\n\t\t"a": {\r\n\t\t\t"x": 1,\r\n\t\t},\r\n\t\t"b": {\r\n\t\t\t"x": [1, 2]\r\n\t\t},\r\n\t},\r\n}\r\n',
    );
  });

  it.each([
    ['{ "list": {} }', '{ "list": {\n  "b": {\n    "x": 1\n  }\n} }'],
    ['{\n  "list": {}\n}', '{\n  "list": {\n    "b": {\n      "x": 1\n    }\n  }\n}'],
    ['{"list":{/* none yet */}}', '{"list":{/* none yet */\n  "b": {\n    "x": 1\n  }\n}}'],
    [
      '{\n  "list": { "a": { "x": 0 } }\n}',
      '{\n  "list": {\n    "a": { "x": 0 },\n    "b": { "x": 1 }\n  }\n}',
    ],
  ])('opens up an object on one line: %j', (text, expected) => {
    expect(addProperties(text, ['list'], [['b', { x: 1 }]])).toBe(expected);
  });
});

describe('removing from a JSON text with comments', () => {
  const text = `{
  // one for itself
  "a": 1,

  // for the two below
  "b": 2, // about b
  "c": 3, /* about c */

  // about d
  "d": {
    "x": 4 // deep
  }

  // the end
}
`;

  it.each([
    ['a', '{\n  // for the two below\n  "b": 2,'],
    ['b', '"a": 1,\n\n  // for the two below\n  "c": 3, /* about c */\n\n  // about d\n'],
    ['c', '"b": 2, // about b\n\n  // about d\n  "d": {'],
    ['d', '"c": 3 /* about c */\n\n  // the end\n}\n'],
  ])('takes what explains %s with it and nothing else', (key, expected) => {
    const removed = removeProperty(text, [key]);
    expect(removed).toContain(expected);
    const { [key]: _, ...rest } = contentOf(text) as Record<string, unknown>;
    expect(contentOf(removed)).toEqual(rest);
    // The same with the line ends of Windows.
    expect(removeProperty(text.replaceAll('\n', '\r\n'), [key])).toBe(removed.replaceAll('\n', '\r\n'));
  });

  it.each([
    ['{ "a": 1, "b": 2, "c": 3 }', 'a', '{ "b": 2, "c": 3 }'],
    ['{ "a": 1, "b": 2, "c": 3 }', 'b', '{ "a": 1, "c": 3 }'],
    ['{ "a": 1, "b": 2, "c": 3 }', 'c', '{ "a": 1, "b": 2 }'],
    ['{ "a": 1, /* b */ "b": 2 }', 'a', '{ /* b */ "b": 2 }'],
    ['{\n  "a": 1,\n  "b": 2,\n}', 'b', '{\n  "a": 1,\n}'],
    ['{\n  "a": 1\n}', 'a', '{\n}'],
    ['{\n  "a": 1\n  , "b": 2\n}', 'b', '{\n  "a": 1\n  \n}'],
  ])('leaves a good text: %j without %s', (whole, key, expected) => {
    expect(removeProperty(whole, [key])).toBe(expected);
  });
});

describe('changing values of a JSON text with comments', () => {
  it('replaces one value and leaves its comments', () => {
    const text = '{\n  "a": { "x": 1 /* was 0 */, "y": [2] } // a\n}';
    expect(setValue(text, ['a', 'x'], ['p'])).toBe('{\n  "a": { "x": ["p"] /* was 0 */, "y": [2] } // a\n}');
  });

  it('keeps the comments of the items of a list that stay', () => {
    const text = `{
  "allow": [
    "echo", // always
    // since May
    "store",
    "find" // for a week
  ],
  "from": ["10.1.2.10", /* old */ "10.1.2.11"],
  "mode": "observe"
}
`;
    const allowed = setValue(text, ['allow'], ['echo', 'store', 'move', 'get']);
    expect(setValue(allowed, ['from'], '10.1.2.10')).toBe(`{
  "allow": [
    "echo", // always
    // since May
    "store",
    "move",
    "get"
  ],
  "from": ["10.1.2.10" /* old */],
  "mode": "observe"
}
`);
  });

  it('writes a new list where its order changes or nothing of it stays', () => {
    const text = '{ "a": [1, /* two */ 2], "b": ["x"] }';
    expect(setValue(text, ['a'], [2, 1])).toBe('{ "a": [2, 1], "b": ["x"] }');
    expect(setValue(text, ['b'], ['y', 'z'])).toBe('{ "a": [1, /* two */ 2], "b": ["y", "z"] }');
    expect(setValue(text, ['b'], 'y')).toBe('{ "a": [1, /* two */ 2], "b": "y" }');
    expect(setValue(text, ['b'], [])).toBe('{ "a": [1, /* two */ 2], "b": [] }');
  });

  it('makes the objects on the way', () => {
    expect(setValue('{\n  "a": {\n    "x": 1\n  }\n}', ['a', 'y', 'z'], 2)).toBe(
      '{\n  "a": {\n    "x": 1,\n    "y": {\n      "z": 2\n    }\n  }\n}',
    );
  });

  it('changes many in one pass, each with its own indentation', () => {
    const text =
      '{\n  "list": {\n    "a": {\n      "x": 1 // a\n    },\n    "b": { "x": 2 }, // b\n    "c": {}\n  }\n}';
    const changes = new Map([
      ['a', 3],
      ['b', 4],
    ]);
    expect(
      changeValues(text, ['list'], changes, (entry, value, style) => setValue(entry, ['y'], value, style)),
    ).toBe(
      '{\n  "list": {\n    "a": {\n      "x": 1, // a\n      "y": 3\n    },\n    "b": { "x": 2, "y": 4 }, // b\n    "c": {}\n  }\n}',
    );
  });
});

/** Objects of objects, written with comments and blank lines where the standard of comments allows them. */
const messyText = fc
  .record({
    keys: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 5 }),
    gaps: fc.array(
      fc.constantFrom('', ' ', '\n', '\n\n', ' // note\n', ' /* note */ ', '\n// note\n\n', '\r\n'),
      {
        minLength: 22,
        maxLength: 22,
      },
    ),
    hasTrailingComma: fc.boolean(),
  })
  .map(({ keys, gaps, hasTrailingComma }) => {
    const gap = () => gaps.pop() ?? '';
    const properties = keys.map((key, index) => {
      const comma = index < keys.length - 1 || hasTrailingComma ? ',' : '';
      return `"${key}":${gap()}{ "x": ${index} }${gap()}${comma}${gap()}`;
    });
    return { keys, text: `{${gap()}${properties.join('')}${gap()}}` };
  });

describe('any JSON text with comments', () => {
  it('has what was added, and all that was there, comments included', () => {
    fc.assert(
      fc.property(messyText, ({ text }) => {
        const added = addProperties(
          text,
          [],
          [
            ['new', { x: [1] }],
            ['newer', 2],
          ],
        );
        expect(contentOf(added)).toEqual({ ...(contentOf(text) as object), new: { x: [1] }, newer: 2 });
        expect(commentsOf(added)).toEqual(commentsOf(text));
      }),
    );
  });

  it('lacks what was removed, and nothing else', () => {
    fc.assert(
      fc.property(messyText, fc.nat(4), ({ keys, text }, position) => {
        const key = keys[position % Math.max(1, keys.length)];
        if (key === undefined) return;
        const { [key]: _, ...rest } = contentOf(text) as Record<string, unknown>;
        expect(contentOf(removeProperty(text, [key]))).toEqual(rest);
      }),
    );
  });

  it('is changed in the same way with the line ends of Windows', () => {
    const windows = (text: string) => text.replaceAll('\r', '').replaceAll('\n', '\r\n');
    fc.assert(
      fc.property(messyText, fc.nat(4), ({ keys, text: mixed }, position) => {
        const text = `${mixed.replaceAll('\r', '')}\n`;
        const added = addProperties(text, [], [['new', { x: [1] }]]);
        expect(addProperties(windows(text), [], [['new', { x: [1] }]])).toBe(windows(added));
        const key = keys[position % Math.max(1, keys.length)];
        if (key === undefined) return;
        expect(removeProperty(windows(text), [key])).toBe(windows(removeProperty(text, [key])));
      }),
    );
  });
});
