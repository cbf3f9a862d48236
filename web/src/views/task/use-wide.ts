import { useEffect, useState } from "preact/hooks";

const wide = "(min-width: 40rem)";

/** Whether there is room for two columns. */
export function useWide(): boolean {
  const [is, setIs] = useState(() => matchMedia(wide).matches);
  useEffect(() => {
    const media = matchMedia(wide);
    const look = () => setIs(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, []);
  return is;
}
