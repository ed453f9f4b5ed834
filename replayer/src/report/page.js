"use strict";
// The page works without this; it adds a filter, one button for all endpoints, and links that open what they point at.
(() => {
  const list = document.querySelector(".endpoints");
  const search = document.querySelector("#search");
  const toggle = document.querySelector("#toggle");
  if (!list) return;
  const endpoints = [...list.querySelectorAll("[data-text]")];
  const found = document.querySelector("#found");

  search?.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const endpoint of endpoints) {
      const shown = words.every((word) => endpoint.dataset.text.includes(word));
      endpoint.hidden = !shown;
      count += shown ? 1 : 0;
    }
    found.textContent = words.length ? `${count} of ${endpoints.length}` : "";
  });

  toggle?.addEventListener("click", () => {
    const all = [...list.querySelectorAll("details.endpoint:not([hidden])")];
    const open = all.some((details) => !details.open);
    for (const details of all) details.open = open;
    toggle.textContent = open ? "Collapse all" : "Expand all";
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search?.focus();
    } else if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      search.dispatchEvent(new Event("input"));
    }
  });

  const openTarget = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", openTarget);
  openTarget();
})();
