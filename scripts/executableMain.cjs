/**
 * The main script of the single executable. It finds the files of dist/ inside the executable, where they stay apart, so
 * that a command still loads only what it needs. Knows nothing of what they do.
 */
const { isWorker } = require('node:cluster');
const { builtinModules, isBuiltin } = require('node:module');
const { basename, dirname, join } = require('node:path');
const { getAsset } = require('node:sea');
const { compileFunction, constants } = require('node:vm');

const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname'];
const folder = dirname(process.execPath);
const loaded = new Map();

function requireInside(name) {
  if (isBuiltin(name) || builtinModules.includes(name)) return require(name);
  // What has a binary cannot be loaded from inside a file; nothing is loaded from the disk.
  if (!name.startsWith('./')) throw new Error(`${name} is not part of the single executable`);
  return loadInside(basename(name));
}

function loadInside(name) {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(name, module);
  const filename = join(folder, name);
  const compiled = compileFunction(getAsset(name, 'utf8'), PARAMETERS, {
    filename,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  compiled.call(module.exports, module.exports, requireInside, module, filename, folder);
  return module.exports;
}

// The workers are processes of this same executable.
loadInside(isWorker ? 'workerProcess.js' : 'cli.js');
