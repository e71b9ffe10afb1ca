/** What is drawn: lines of 24 by 24. */
const LINES = {
  close: "M6 6l12 12M18 6L6 18",
  back: "M15 5l-7 7 7 7",
  send: "M4 12l16-7-5 15-3.500-6.500z",
  file: "M14 3H6v18h12V7zM14 3v4h4",
  attach:
    "M20 11l-8.500 8.500a5 5 0 0 1-7-7L13 4a3.300 3.300 0 0 1 4.700 4.700L9.500 17a1.600 1.600 0 0 1-2.300-2.300L15 7",
  earlier: "M12 7v5l3 2M4 12a8 8 0 1 0 2.500-5.800L4 8.500M4 4v4.500h4.500",
  star: "M12 3.500l2.600 5.500 6 .8-4.400 4.200 1.100 6L12 17l-5.300 3 1.100-6L3.400 9.800l6-.8z",
} as const;

interface Props {
  name: keyof typeof LINES;
  size?: number;
  isFull?: boolean;
}

export function Icon({ name, size = 20, isFull = false }: Props) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill={isFull ? "currentColor" : "none"}
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={LINES[name]} />
    </svg>
  );
}
