// The page: the report, or in its place the listening test, which #listening in the address opens.

const data = JSON.parse(document.getElementById("page-data").textContent);
for (const { script, trials } of data.excerpts) {
  for (const trial of trials) trial.script = script;
}
const deck = new Deck();
const player = new Player(deck, data.excerpts);
const listening = new Listening(deck, data);

function showView(reloaded) {
  const listens = location.hash === "#listening";
  document.getElementById("report").hidden = listens;
  player.release();
  player.active = !listens;
  if (listens) listening.open(reloaded);
  else if (listening.isOpen) listening.close();
  window.scrollTo(0, 0);
}

document.getElementById("open-listening").addEventListener("click", () => {
  location.hash = "#listening";
});
document.getElementById("leave").addEventListener("click", () => {
  location.hash = "#excerpts";
});
window.addEventListener("hashchange", (event) => {
  if ([event.oldURL, event.newURL].some((url) => url.endsWith("#listening"))) showView(false);
});
if (location.hash === "#listening") showView(true);

// For tests, and for whoever opens the console.
window.ganSep = { deck, player, listening };
