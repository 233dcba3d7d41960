"use strict";
// An Express application as the tests of serve watch it: node app.js FOLDER_OF_THE_MIDDLEWARE.
const { createRequire } = require("node:module");
const express = createRequire(`${process.cwd()}/.cache/web/`)("express");
const { requestFigures } = require(`${process.argv[2]}/dbaudit-express.js`);
const app = express();
app.use(requestFigures({ slow: 0.2, tooSlow: 0.4 }));
const router = express.Router();
router.get("/items/:item", (request, response) => response.json({ item: request.params.item }));
app.use(router);
app.get("/slow", (request, response) => {
  response.write("begun");
  setTimeout(() => response.end("ended"), request.query.seconds * 1000);
});
app.get("/broken", (request, response) => response.status(503).end());
app.get("/crash", () => { throw new Error("planted"); });
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
