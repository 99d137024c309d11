// Lengths of time as a phone shows them.

/** 0:42, 12:05, 1:02:03; what would be before the beginning is 0:00. */
export function seconds(length) {
  const whole = Math.max(0, Math.round(length));
  const two = (n) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
