/** What is about to be there; seen only by who waits. */
import { useStrings } from "../strings";
import css from "./Skeleton.module.css";

export function Skeleton({ kind }: { kind: "rows" | "messages" }) {
  const { loading } = useStrings();
  return (
    <div className={`${css["skeleton"]} ${css[kind]}`} role="status" aria-label={loading}>
      {Array.from({ length: kind === "rows" ? 8 : 5 }, (_, at) => (
        <i key={at} />
      ))}
    </div>
  );
}
