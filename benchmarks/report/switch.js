(function () {
  var root = document.documentElement;
  function show(language) {
    root.dataset.language = language;
    root.lang = language === "zh" ? "zh-CN" : "en";
    document.querySelectorAll("[data-set]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.set === language));
    });
  }
  document.querySelectorAll("[data-set]").forEach(function (button) {
    button.addEventListener("click", function () { show(button.dataset.set); });
  });
  document.getElementById("print").addEventListener("click", function () { window.print(); });
  var asked = location.hash.slice(1) || root.dataset.asked || navigator.language.slice(0, 2);
  show(asked === "zh" ? "zh" : "en");
})();
