/** Whoever is in front of the screen: keys, appearance, language, and the way out. */
import { Keyboard, LogOut, Settings2 } from "lucide-react";
import { useState } from "react";

import { Avatar } from "../../parts/Avatar";
import type { Me } from "../../session/session";
import { change, type Settings, useSettings } from "../../settings";
import { LANGUAGES, useSpoken } from "../../strings";
import css from "./Account.module.css";

interface Props {
  me: Me;
  onSettings: () => void;
  onSheet: () => void;
  onLeave: () => void;
}

export function Account({ me, onSettings, onSheet, onLeave }: Props) {
  const { strings, language } = useSpoken();
  const { theme } = useSettings();
  return (
    <div className={css["account"]}>
      <button type="button" popoverTarget="account" title={me.name}>
        <Avatar name={me.name} />
        <span className="heard">{me.name}</span>
      </button>
      <div id="account" popover="auto" className={css["menu"]}>
        <p className={css["name"]} dir="auto">
          {me.name}
        </p>
        <p className={css["quiet"]}>{me.email}</p>
        <label>
          {strings.theme}
          <select
            value={theme}
            onChange={(event) => change({ theme: event.target.value as Settings["theme"] })}
          >
            {Object.entries(strings.themes).map(([each, name]) => (
              <option key={each} value={each}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          {strings.language}
          <select value={language} onChange={(event) => change({ language: event.target.value })}>
            {Object.entries(LANGUAGES).map(([each, name]) => (
              <option key={each} value={each} lang={each}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <Alerts />
        <button
          type="button"
          popoverTarget="account"
          popoverTargetAction="hide"
          onClick={onSettings}
        >
          <Settings2 size={16} aria-hidden="true" />
          {strings.setup.title}
        </button>
        <button type="button" popoverTarget="account" popoverTargetAction="hide" onClick={onSheet}>
          <Keyboard size={16} aria-hidden="true" />
          {strings.actions.sheet}
        </button>
        <button type="button" onClick={onLeave}>
          <LogOut size={16} aria-hidden="true" />
          {strings.signOut}
        </button>
      </div>
    </div>
  );
}

/** Told by the system and by a sound: both are asked for. */
function Alerts() {
  const { alerts } = useSpoken().strings;
  const { notifies, sounds } = useSettings();
  const [isBlocked, setBlocked] = useState(false);

  async function notify(isWanted: boolean) {
    change({ notifies: isWanted });
    if (!isWanted) return setBlocked(false);
    const isKnown = "Notification" in window;
    const isAllowed = isKnown && (await Notification.requestPermission()) === "granted";
    setBlocked(!isAllowed);
    change({ notifies: isAllowed });
  }

  return (
    <fieldset className={css["alerts"]}>
      <legend>{alerts.label}</legend>
      <label>
        <input
          type="checkbox"
          role="switch"
          checked={notifies}
          onChange={({ target }) => void notify(target.checked)}
        />
        {alerts.notify}
      </label>
      {isBlocked && <p role="alert">{alerts.blocked}</p>}
      <label>
        <input
          type="checkbox"
          role="switch"
          checked={sounds}
          onChange={({ target }) => change({ sounds: target.checked })}
        />
        {alerts.sound}
      </label>
    </fieldset>
  );
}
