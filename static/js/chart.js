// The crosshair of charts: what the column under the pointer holds.
function show(event) {
  const slot = event.target.closest?.(".chart .slot");
  for (const tip of document.querySelectorAll(".chart .tip")) {
    if (!slot || !tip.closest(".chart").contains(slot)) tip.hidden = true;
  }
  if (!slot) return;
  const chart = slot.closest(".chart");
  const tip = chart.querySelector(".tip");
  tip.textContent = slot.dataset.tip;
  tip.hidden = false;
  const box = chart.getBoundingClientRect();
  const left = slot.getBoundingClientRect().right - box.left + 8;
  tip.style.left = `${Math.max(0, Math.min(left, box.width - tip.offsetWidth))}px`;
  tip.style.top = `${Math.max(0, event.clientY - box.top - tip.offsetHeight - 8)}px`;
}

document.addEventListener("pointermove", show);
