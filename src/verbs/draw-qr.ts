import { renderUnicodeCompact } from "uqr";

/** A QR code for a terminal. */
export function drawQr(text: string): string {
  return renderUnicodeCompact(text);
}
