/* Copy buttons: [data-copy] holds the text; [data-copied] tells screen readers that it worked.
   [data-opens-filters] opens the filters of a list, and the keyboard goes there with it. */
"use strict";

document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) {
        return;
    }
    const announcement = document.querySelector("[data-copied]");
    try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.classList.add("v-copied");
        if (announcement) {
            announcement.textContent = "Copied";
        }
        setTimeout(() => {
            button.classList.remove("v-copied");
            if (announcement) {
                announcement.textContent = "";
            }
        }, 2000);
    } catch {
        /* Without a secure origin browsers refuse: select the text, so that the keyboard can copy it. */
        const range = document.createRange();
        range.selectNodeContents(button.previousElementSibling);
        const selection = window.getSelection();
        selection.removeAllRanges();
        selection.addRange(range);
        if (announcement) {
            announcement.textContent = "Selected: press Control and C to copy";
        }
    }
});

document.addEventListener("click", (event) => {
    if (event.target.closest("[data-opens-filters]")) {
        setTimeout(() => document.querySelector("#changelist-filter a, #changelist-filter input")?.focus(), 50);
    }
});
