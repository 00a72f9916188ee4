/** How long what the CA issues is valid, and from when on. */

const dayMs = 86_400_000;
/** Modalities without NTP, or with the wrong time zone, are hours behind; they would refuse what is "not yet valid". */
const backdatedMs = dayMs;
/** A CA outlives the modalities that trust it: replacing it means touching every one of them. */
export const authorityDays = 3650;
/** Apple's platforms refuse anything longer, even from a CA that the user added; others follow. */
export const defaultLeafDays = 825;

/** The past moment from which something issued now is valid, on whole seconds as certificates count. */
export function backdated(): Date {
  return new Date(Math.floor((Date.now() - backdatedMs) / 1000) * 1000);
}

/** RFC 5280 §4.1.2.5: the last second is part of the period, so it lasts one second less. */
export function daysAfter(notBefore: Date, days: number): Date {
  return new Date(notBefore.getTime() + days * dayMs - 1000);
}
