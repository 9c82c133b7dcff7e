// A link from every page of the book to the documentation of every item (docs/site.sh puts it into api/).
(function () {
    const bar = document.querySelector("#mdbook-menu-bar .right-buttons, #menu-bar .right-buttons, .right-buttons");
    if (!bar) return;
    const link = document.createElement("a");
    link.href = path_to_root + "api/std_net/index.html";
    link.title = "Documentation of every item";
    link.textContent = "API";
    link.style.padding = "0 1rem";
    bar.prepend(link);
})();
