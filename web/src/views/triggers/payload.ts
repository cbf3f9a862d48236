/** The request's body, or a sentence on what is wrong with the text. */
export function readPayload(
  text: string,
  event: string,
): { payload: unknown; event?: string } | string {
  if (text.trim() === "") return "Paste a payload.";
  try {
    return { payload: JSON.parse(text), ...(event.trim() !== "" && { event: event.trim() }) };
  } catch (error) {
    return `This is no JSON: ${error instanceof Error ? error.message : String(error)}.`;
  }
}
