/**
 * What a program says, as the patterns for limits and times expect it: plain letters, single spaces,
 * English. Programs speak their user's language here and there; German is translated, word for word,
 * as far as it says what is used up and until when. Pure.
 */
export function plainWords(words: string): string {
  // Narrow and no-break spaces stand between a time and its AM; fancy letters fool nobody but a pattern.
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
