#!/usr/bin/env node
// biome-ignore-all lint/suspicious/noVar: every Node must be able to read this file, so that it can say which one is needed
// biome-ignore-all lint/style/useTemplate: as above
// biome-ignore-all lint/style/useNodejsImportProtocol: as above
/** The published command: says which Node it needs in words that an old one understands, or runs the program. */
'use strict';

var NEEDED = 24;

function refuse(found) {
  var needed = 'flyball needs Node ' + NEEDED + ' or newer, but was started with Node ' + found;
  var next = 'install it from https://nodejs.org, or run: npx -p node@' + NEEDED + ' -p flyball flyball';
  console.error(needed + '; ' + next);
  process.exitCode = 1;
}

/** The sources where they are, as in a checkout; else the emitted program, as in the published package. */
function program() {
  var path = require('path');
  var sources = path.join(__dirname, '..', 'src', 'main.ts');
  var main = require('fs').existsSync(sources) ? sources : path.join(__dirname, '..', 'dist', 'main.js');
  return require('url').pathToFileURL(main).href;
}

function start(module) {
  // Servers are ended by a signal more often than not: what was compiled is kept before they begin.
  if (require('module').flushCompileCache) require('module').flushCompileCache();
  return module.main(process.argv.slice(2));
}

function finish(code) {
  process.exitCode = code;
}

function fail(error) {
  console.error(error);
  process.exitCode = 1;
}

/** As text, because the bare word would keep an old Node from reading this file. */
function load(specifier) {
  return new Function('specifier', 'return import(specifier)')(specifier);
}

/** Agents' programs start one for each of their windows: a small young generation spares each of them a sixth of its memory. */
function startSmall() {
  var args = [process.execPath, '--max-semi-space-size=1', __filename].concat(process.argv.slice(2));
  // That this call is an experiment of Node is nothing to whoever reads our standard error.
  process.removeAllListeners('warning');
  process.execve(process.execPath, args);
}

if (parseInt(process.versions.node, 10) < NEEDED) {
  refuse(process.versions.node);
} else if (process.argv[2] === 'mcp' && process.execve && process.execArgv.length === 0) {
  startSmall();
} else {
  // Compiled code is kept between calls where this Node can.
  if (require('module').enableCompileCache) require('module').enableCompileCache();
  load(program()).then(start).then(finish, fail);
}
