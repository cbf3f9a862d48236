import { Skeleton } from "../../parts/shown.tsx";

export default function Settings() {
  return <Skeleton lines={3} />;
}
