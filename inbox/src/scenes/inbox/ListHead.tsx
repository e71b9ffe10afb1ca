/** Above the list: the view's name, search, and what narrows it. */
import { ListFilter, Search, X } from "lucide-react";
import { useState } from "react";

import { type Address, CHANNELS, PRIORITIES } from "../../address/address";
import { go } from "../../address/useAddress";
import { Button } from "../../parts/Button";
import { useStrings } from "../../strings";
import css from "./ListHead.module.css";

export function ListHead({ address }: { address: Address }) {
  const { views, list } = useStrings();
  const { view, search, channel, priority } = address;
  const isNarrowed = channel !== null || priority !== null;
  const [isAsked, setAsked] = useState(false);
  const isOpen = isAsked || isNarrowed;
  return (
    <header className={css["head"]}>
      <div className={css["title"]}>
        <h1>{views[view]}</h1>
        <Button
          look="icon"
          aria-label={list.filter}
          title={list.filter}
          aria-expanded={isOpen}
          onClick={() => setAsked(!isOpen)}
        >
          <ListFilter size={18} />
        </Button>
      </div>
      <div className={css["search"]} role="search">
        <Search size={15} aria-hidden="true" />
        <input
          id="search"
          type="search"
          aria-label={list.search}
          placeholder={list.searchHint}
          dir="auto"
          value={search}
          onChange={(event) => go({ search: event.target.value }, { replace: true })}
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
        {search && (
          <button
            type="button"
            aria-label={list.clearSearch}
            onClick={() => go({ search: "" }, { replace: true })}
          >
            <X size={15} />
          </button>
        )}
      </div>
      {isOpen && (
        <div className={css["filters"]}>
          <Choice
            name={list.channel}
            kind="channels"
            all={CHANNELS}
            value={channel}
            onChange={(next) => go({ channel: next })}
          />
          <Choice
            name={list.priority}
            kind="priorities"
            all={PRIORITIES}
            value={priority}
            onChange={(next) => go({ priority: next })}
          />
          {isNarrowed && (
            <Button
              look="icon"
              aria-label={list.clearFilters}
              onClick={() => go({ channel: null, priority: null })}
            >
              <X size={16} />
            </Button>
          )}
        </div>
      )}
    </header>
  );
}

function Choice<T extends string>(props: {
  name: string;
  kind: "channels" | "priorities";
  all: readonly T[];
  value: T | null;
  onChange: (value: T | null) => void;
}) {
  const strings = useStrings();
  const names = strings[props.kind] as Record<string, string>;
  return (
    <select
      aria-label={props.name}
      value={props.value ?? ""}
      onChange={(event) => props.onChange((event.target.value || null) as T | null)}
    >
      <option value="">{`${props.name}: ${strings.list.any}`}</option>
      {props.all.map((each) => (
        <option key={each} value={each}>
          {names[each]}
        </option>
      ))}
    </select>
  );
}
