// Lets tap's assertions run on Deno. tap's stack reader asks every call site for its constructor's
// name and accepts only "CallSite"; Deno's call sites are plain objects. This gives them that name
// and changes nothing else.

class CallSite {}

type PrepareStackTrace = (error: Error, sites: object[]) => unknown;

let original: PrepareStackTrace | undefined;
let naming: PrepareStackTrace | undefined;

function named(site: object): object {
  if (site.constructor.name === "CallSite") return site;
  return Object.defineProperty(site, "constructor", { value: CallSite, configurable: true });
}

Object.defineProperty(Error, "prepareStackTrace", {
  configurable: true,
  get: () => naming,
  set(prepare: PrepareStackTrace | undefined) {
    // tap saves and restores the hook: what it restores is already the naming one.
    if (prepare === naming) return;
    original = prepare;
    naming = prepare && ((error, sites) => original?.(error, sites.map(named)));
  },
});
