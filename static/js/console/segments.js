// How a text is counted: GSM 03.38 with its extension table, else UCS-2 (3GPP TS 23.038).

const BASIC = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ" +
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
// Each of these takes two places: an escape comes before it.
const EXTENDED = new Set("\f^{}\\[~]|€");

const GSM = { single: 160, each: 153 };
const UCS2 = { single: 70, each: 67 };

/**
 * Count a text message.
 * @returns {{encoding: "GSM-7"|"UCS-2", units: number, segments: number}} `units` are septets, or
 *   UTF-16 code units where one sign is not in the GSM alphabet.
 */
export function count(text) {
  const signs = [...text];
  if (signs.every((sign) => BASIC.has(sign) || EXTENDED.has(sign))) {
    const sizes = signs.map((sign) => (EXTENDED.has(sign) ? 2 : 1));
    return { encoding: "GSM-7", ...split(sizes, GSM) };
  }
  return { encoding: "UCS-2", ...split(signs.map((sign) => sign.length), UCS2) };
}

/** A sign of two units is never cut in half: it moves to the next part whole. */
function split(sizes, limit) {
  const units = sizes.reduce((sum, size) => sum + size, 0);
  if (units === 0) return { units, segments: 0 };
  if (units <= limit.single) return { units, segments: 1 };
  let segments = 1;
  let used = 0;
  for (const size of sizes) {
    if (used + size > limit.each) {
      segments += 1;
      used = 0;
    }
    used += size;
  }
  return { units, segments };
}
