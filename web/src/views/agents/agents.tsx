import { Skeleton } from "../../parts/shown.tsx";

export default function Agents() {
  return <Skeleton lines={3} />;
}
