// The owner's colour, made readable. Contrast as WCAG 2.2 measures it.

/** Behind what the bot says. */
const GROUNDS = { light: [242, 244, 248], dark: [35, 42, 55] };
const READABLE = 4.5;

/** What a colour is used with: the text upon it, and the colour itself where it is text or a line on either ground. */
function coloursOf(given) {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(given || "");
  if (!found) return {};
  const colour = found.slice(1).map((hex) => parseInt(hex, 16));
  return {
    "--accent": rgb(colour),
    "--on-accent": contrast(colour, [255, 255, 255]) >= READABLE ? "#fff" : "#000",
    "--ink-light": rgb(readable(colour, GROUNDS.light, [0, 0, 0])),
    "--ink-dark": rgb(readable(colour, GROUNDS.dark, [255, 255, 255])),
  };
}

/** The colour, moved towards another until it can be read on a ground. */
function readable(colour, ground, towards) {
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = colour.map((part, index) => Math.round(part + (towards[index] - part) * share));
    if (contrast(mixed, ground) >= READABLE) return mixed;
  }
  return towards;
}

function contrast(one, other) {
  const [more, less] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (more + 0.05) / (less + 0.05);
}

function luminance(colour) {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function rgb(colour) {
  return `rgb(${colour.join(" ")})`;
}
