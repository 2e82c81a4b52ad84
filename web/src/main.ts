document.querySelector("#app")!.textContent = "Lanline";
