// Dark or light, before anything is painted: the reader's choice, else the system's.
(() => {
  const choice = localStorage.getItem("theme");
  if (choice === "dark" || choice === "light") document.documentElement.dataset.theme = choice;
})();
