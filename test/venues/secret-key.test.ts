import { describe, expect, it } from 'vitest';
import { VenueKeyMissing } from '#src/venues/environment-key.ts';
import { venueKeyOfSecret } from '#src/venues/secret-key.ts';

describe('a key from a secret', () => {
  it('is what its two fields hold', () => {
    const text = JSON.stringify({ key_id: 'id', private_key: 'PEM', note: 'rotated' });
    expect(venueKeyOfSecret('kalshi', text)).toEqual({ keyId: 'id', privateKey: 'PEM' });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'private-PEM'],
    ['no object', '"private-PEM"'],
    ['no id', '{"private_key":"private-PEM"}'],
    ['an empty id', '{"key_id":"","private_key":"private-PEM"}'],
    ['an empty key', '{"key_id":"id","private_key":""}'],
  ])('is refused by the name of the secret, without its content, when that is %s', (_, text) => {
    const read = () => venueKeyOfSecret('kalshi', text);
    expect(read).toThrow(VenueKeyMissing);
    expect(read).toThrow('secret kalshi is not {"key_id": …, "private_key": PEM}');
    expect(read).not.toThrow(/private-PEM/);
  });
});
