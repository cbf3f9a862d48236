import { Skeleton } from "../../parts/shown.tsx";

export default function NewTask() {
  return <Skeleton lines={3} />;
}
