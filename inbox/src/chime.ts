/** Two soft notes. */

const NOTES = [659, 880];
const EACH_S = 0.14;

export function chime(): void {
  const sound = new AudioContext();
  NOTES.forEach((frequency, at) => {
    const begin = sound.currentTime + at * EACH_S;
    const note = sound.createOscillator();
    const volume = sound.createGain();
    note.frequency.value = frequency;
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(0.12, begin + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + 2 * EACH_S);
    note.connect(volume).connect(sound.destination);
    note.start(begin);
    note.stop(begin + 2 * EACH_S);
    if (at === NOTES.length - 1) note.onended = () => void sound.close();
  });
}
