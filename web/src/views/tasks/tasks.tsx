import { Skeleton } from "../../parts/shown.tsx";

export default function Tasks() {
  return <Skeleton lines={3} />;
}
