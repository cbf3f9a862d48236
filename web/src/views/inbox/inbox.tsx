import { Skeleton } from "../../parts/shown.tsx";

export default function Inbox() {
  return <Skeleton lines={3} />;
}
