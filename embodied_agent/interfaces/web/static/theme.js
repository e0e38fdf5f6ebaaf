// Dark or light: as the system says until the button is used, then as it was last set. Not a module,
// so that the page is never painted in the wrong theme first.
"use strict";

(() => {
  const KEY = "embodied-agent-theme";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = stored();

  function stored() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is disabled: the choice lasts as long as the page
    }
  }

  function apply() {
    const theme = chosen ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (!button) return;
    button.setAttribute("aria-pressed", String(theme === "dark"));
    button.title = theme === "dark" ? "Switch to the light theme" : "Switch to the dark theme";
    button.querySelector("use").setAttribute("href", theme === "dark" ? "#i-sun" : "#i-moon");
    document.dispatchEvent(new Event("theme"));
  }

  function toggle() {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // As above.
    }
    apply();
  }

  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", () => {
    chosen = stored();
    apply();
  });
  addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", toggle);
  });
})();
