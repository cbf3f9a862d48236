/**
 * Normalizes a program's message for the patterns of limits and times: plain letters, single
 * spaces, English. Some programs use their user's language; German words about limits and times are
 * translated one by one. Pure.
 */
export function plainWords(words: string): string {
  // NFKC replaces fancy letters; narrow and no-break spaces occur between a time and its AM.
  const text = words.normalize("NFKC").replace(/\s+/g, " ");
  return german.reduce((said, [word, english]) => said.replace(word, english), text);
}

const german = Object.entries({
  "(?:nutzungs|sitzungs|wochen|tages|monats|stunden|nachrichten)-?limits?": "usage limit",
  kontingent: "quota",
  "(?:ist |wurde )?(?:erreicht|überschritten|aufgebraucht|ausgeschöpft)": "reached",
  "um|ab": "again at",
  "in (?=\\d|ein)": "again in ",
  "eine[rmn]?": "a",
  "zurück\\p{L}*|erneut|wieder|verfügbar": "again",
  bis: "until",
  und: "and",
  "wochen?": "weeks",
  "tage?n?": "days",
  "stunden?": "hours",
  "minuten?": "minutes",
  "sekunden?": "seconds",
  morgen: "tomorrow",
  montag: "Monday",
  dienstag: "Tuesday",
  mittwoch: "Wednesday",
  donnerstag: "Thursday",
  freitag: "Friday",
  "samstag|sonnabend": "Saturday",
  sonntag: "Sunday",
  januar: "January",
  februar: "February",
  märz: "March",
  mai: "May",
  juni: "June",
  juli: "July",
  oktober: "October",
  "dezember|dez": "December",
}).map(([word, english]): [RegExp, string] => [
  new RegExp(String.raw`(?<!\p{L})(?:${word})(?!\p{L})`, "giu"),
  english,
]);
