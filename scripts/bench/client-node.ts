// One of the clients that `bench.sh watch` compares: the informer of @kubernetes/client-node, from the folder
// where bench.sh installed it. Started again after an error, as its own example does.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { counter, driverArguments, obey, say, type Seen } from "./driver.ts";

const RESTART_MS = 5000;

// The part of the package that is used here: it is not installed where the type checker could see it.
type Pod = Seen & { metadata?: { managedFields?: unknown } };
type Informer = {
  on(verb: "add" | "update", handler: (object: Pod) => void): void;
  on(verb: "error", handler: (error: unknown) => void): void;
  start(): Promise<void>;
  list(): readonly Pod[];
};
type Api = { listNamespacedPod(of: { namespace: string }): Promise<unknown> };
type Package = {
  CoreV1Api: new () => Api;
  KubeConfig: new () => {
    loadFromFile(path: string): void;
    makeApiClient(api: new () => Api): Api;
  };
  makeInformer(config: unknown, path: string, list: () => Promise<unknown>): Informer;
};

const folder = join(process.env.CLIENT_NODE ?? "", "node_modules/@kubernetes/client-node");
const { main, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
  main: string;
  version: string;
};
const k8s = await import(pathToFileURL(join(folder, main)).href) as Package;

const { kubeconfig, namespace, marker } = driverArguments();
const flags = process.execArgv.join(" ");
say(`version @kubernetes/client-node ${version}, Node.js ${process.version} ${flags}`);

const config = new k8s.KubeConfig();
config.loadFromFile(kubeconfig);
const api = config.makeApiClient(k8s.CoreV1Api);
const list = () => api.listNamespacedPod({ namespace });
const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/pods`, list);

// Every client of the comparison drops what nobody reads.
const dropManagedFields = ({ metadata }: Pod): void => {
  if (metadata) metadata.managedFields = undefined;
};
const count = counter(marker);
informer.on("add", dropManagedFields);
informer.on("update", (object) => {
  dropManagedFields(object);
  count(object);
});
informer.on("error", (error) => {
  console.error(error);
  setTimeout(() => void informer.start(), RESTART_MS);
});
obey(() => informer.list());
await informer.start();
say("synced");
