import { Skeleton } from "../../parts/shown.tsx";

export default function Triggers() {
  return <Skeleton lines={3} />;
}
