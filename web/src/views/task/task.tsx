import { Skeleton } from "../../parts/shown.tsx";

export default function Task() {
  return <Skeleton lines={3} />;
}
