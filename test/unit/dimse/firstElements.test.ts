/** The table of elements that rules name, beside the dictionary of dcmjs. */
import { describe, expect, it } from '@jest/globals';
import { data } from 'dcmjs';
import { firstElement, firstKeywords } from '../../../src/dimse/firstElements';

const { nameMap } = data.DicomMetaDictionary;

describe('the elements that rules name', () => {
  it.each(firstKeywords)(
    '%s has the tag, the value representation and the multiplicity of PS3.6',
    (keyword) => {
      const { tag, vr, vm } = nameMap[keyword]!;
      const element = firstElement(keyword)!;
      expect(element).toMatchObject({
        representation: vr,
        mayHaveMore: vm !== '1',
        name: `${keyword} ${tag}`,
      });
      expect(firstElement(tag.slice(1, -1))).toBe(element);
    },
  );

  it('are in the order of their tags, of the groups 0008 to 0028', () => {
    const tags = firstKeywords.map((keyword) => firstElement(keyword)!.tag);
    expect(tags).toEqual([...tags].sort((one, other) => one - other));
    expect([tags[0], tags.at(-1)! >>> 16]).toEqual([0x0008_0005, 0x0028]);
  });

  it('may be tags without a keyword, also private ones', () => {
    expect(firstElement('0009,10ab')).toEqual({
      tag: 0x0009_10ab,
      representation: undefined,
      mayHaveMore: true,
      name: '(0009,10AB)',
    });
  });

  it.each([
    'Modalty',
    'modality',
    'PixelData',
    '7FE0,0010',
    '0002,0010',
    '0029,0010',
    '00080060',
    '8,60',
    '',
  ])('are not %j', (text) => {
    expect(firstElement(text)).toBeUndefined();
  });
});
