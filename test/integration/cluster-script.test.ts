// The local cluster itself: what scripts/cluster.sh promises, on a cluster of two nodes beside whatever
// else runs on this machine (a prefix of its own). Needs root; the images are built when they are missing.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { runOnNode } from "../../fixtures/kubernetes/node-exec.ts";
import { readPaths } from "../../fixtures/kubernetes/paths.ts";
import { must, run, until } from "../../fixtures/kubernetes/processes.ts";

const PREFIX = "ct";
process.env["PREFIX"] = PREFIX;
const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const folder = readPaths().run;
t.setTimeout(900_000);

function cluster(args: readonly string[], input = ""): Promise<string> {
  return must([join(PROJECT, "scripts/cluster.sh"), ...args], { timeoutMs: 300_000, input });
}

const kubectl = (...args: string[]) => cluster(["kubectl", ...args]);
const inPod = (pod: string, script: string) =>
  run([join(PROJECT, "scripts/cluster.sh"), "kubectl", "exec", pod, "--", "sh", "-c", script], {
    timeoutMs: 20_000,
  });

/** What a cluster of this prefix leaves visible on the machine; empty when there is none. */
async function traces(): Promise<string[]> {
  const found: string[] = [];
  const namespaces = await must(["ip", "netns", "list"]);
  found.push(...namespaces.split("\n").filter((line) => line.startsWith(`${PREFIX}-`)));
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  found.push(
    ...mounts.filter((line) => line.includes(folder) || line.includes(`netns/${PREFIX}-`)),
  );
  for (const top of readdirSync("/sys/fs/cgroup")) {
    const below = join("/sys/fs/cgroup", top);
    if (top.startsWith(`${PREFIX}-`)) found.push(below);
    if (!existsSync(join(below, "cgroup.procs"))) continue;
    const names = readdirSync(below).filter((name) => name.startsWith(`${PREFIX}-`));
    found.push(...names.map((name) => join(below, name)));
  }
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ");
      const links = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
      if (words.includes(folder) || links.includes(folder)) found.push(`process ${pid} ${words}`);
    } catch { /* it ended while we looked */ }
  }
  if (existsSync(folder)) found.push(folder);
  return found;
}

/** Loop devices by the inode of the file behind them. Other clusters of this machine have some too. */
async function loopInodes(): Promise<string[]> {
  const text = await must(["losetup", "-l", "-n", "-O", "BACK-INO"]);
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** The inodes of all volumes' files of this cluster. */
function volumeInodes(): string[] {
  const volumes = ["node1", "node2"].map((node) => join(folder, node, "volumes"));
  return volumes.flatMap((below) => readdirSync(below).map((name) => join(below, name)))
    .filter((file) => file.endsWith(".img")).map((file) => String(statSync(file).ino));
}

// A writer with a volume and a tiny server on node1, a client on node2, a Service between them.
const SERVE = `use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5,
  ReuseAddr => 1) or die; while (my $c = $s->accept) { print $c "hello from node1\\n"; close $c }`;
const pod = (name: string, node: string, command: string[], volume: boolean) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app: name } },
  spec: {
    nodeSelector: { "kubernetes.io/hostname": node },
    terminationGracePeriodSeconds: 1,
    containers: [{
      name: "main",
      image: "localhost/mysql-server:9.7.4",
      imagePullPolicy: "Never",
      securityContext: { runAsUser: 27 },
      command,
      volumeMounts: volume ? [{ name: "data", mountPath: "/data" }] : [],
    }],
    volumes: volume ? [{ name: "data", persistentVolumeClaim: { claimName: "data" } }] : [],
  },
});
const OBJECTS = {
  apiVersion: "v1",
  kind: "List",
  items: [
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "data" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "400Mi" } } },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "server" },
      spec: { selector: { app: "server" }, ports: [{ port: 80, targetPort: 8080 }] },
    },
    pod("server", "node1", ["perl", "-e", SERVE], true),
    pod("client", "node2", ["sleep", "infinity"], false),
  ],
};

/** One connection from node2 through DNS, the Service and the network to node1. */
const CALL = `timeout 3 perl -e 'use IO::Socket::INET; my $s = IO::Socket::INET->new(
  PeerAddr => "server.default.svc.cluster.local:80", Timeout => 2) or exit 1; print <$s>'`;
const calls = async () => (await inPod("client", CALL)).stdout.includes("hello from node1");

/** Does a connection from a node to this address and port come about? */
async function reaches(node: string, target: string): Promise<boolean> {
  const open = ["timeout", "2", "bash", "-c", `exec 3<>/dev/tcp/${target}`];
  return (await runOnNode(node, open)).status === 0;
}

t.test("the local cluster", { timeout: 900_000 }, async (t) => {
  t.teardown(() => cluster(["down"]));
  await cluster(["down"]);
  t.same(await traces(), [], "nothing of this prefix is there before");

  const images = await must([join(PROJECT, "fixtures/images/build.sh"), "pause", "mysql-server"], {
    timeoutMs: 600_000,
  });
  await cluster(["up", "2", ...images.trim().split("\n")]);

  await t.test("runs Pods with volumes, DNS and Services across nodes", async (t) => {
    await cluster(["kubectl", "apply", "-f", "-"], JSON.stringify(OBJECTS));
    await kubectl("wait", "--for=condition=Ready", "pod/server", "pod/client", "--timeout=60s");
    const written = await inPod("server", "echo kept >/data/file && sync && df -m /data | tail -1");
    t.equal(written.status, 0, written.stderr);
    t.match(
      written.stdout,
      /^\/dev\/loop\d+ +3\d\d /,
      "the volume has the size that was asked for",
    );
    await until("a call from node2 to node1", 20_000, calls);
    t.pass("DNS name, Service address, other node");
    t.match((await runOnNode("node1", ["hostname"])).stdout, /^node1$/m);
  });

  await t.test("cut and heal", async (t) => {
    await cluster(["cut", "node1", "node2"]);
    t.notOk(await calls(), "nothing gets through a cut");
    await cluster(["heal"]);
    await until("a call after heal", 10_000, calls);
    await cluster(["cut", "node1", "node2", "--one-way"]);
    t.notOk(await calls(), "answers do not get through a cut of one direction");
    await cluster(["heal"]);
    await until("a call after heal", 10_000, calls);
    await cluster(["cut", "node2", "api"]);
    t.notOk(await reaches("node2", "10.200.0.1/6443"), "no way to the API server");
    t.ok(await reaches("node2", "10.200.0.2/53"), "while DNS answers");
    t.ok(await reaches("node2", "10.200.0.11/10250"), "and the other node");
    await cluster(["heal"]);
    t.ok(await reaches("node2", "10.200.0.1/6443"));
  });

  await t.test("a node loses its power and gets it back", async (t) => {
    await cluster(["stop-node", "node1"]);
    const began = Date.now();
    await kubectl("wait", "--for=condition=Ready=Unknown", "node/node1", "--timeout=40s");
    const seconds = (Date.now() - began) / 1000;
    t.ok(seconds <= 30, `NotReady after ${seconds} s`);
    t.rejects(runOnNode("node1", ["true"]), /node1 is not running/);
    await cluster(["start-node", "node1"]);
    await until(
      "the Pod's data again",
      60_000,
      async () => (await inPod("server", "cat /data/file")).stdout === "kept\n",
    );
    await until("a call to the Pod", 30_000, calls);
    t.pass("Ready, volume mounted, Pod restarted, reachable");
  });

  await t.test("`up` replaces what a killed one left, `down` leaves nothing", async (t) => {
    const volumes = volumeInodes();
    t.equal(volumes.length, 1);
    const archives = images.trim().split("\n");
    const killed = spawn(join(PROJECT, "scripts/cluster.sh"), ["up", "2", ...archives], {
      detached: true,
      stdio: "ignore",
    });
    const apiserver = join(folder, "pid", "apiserver");
    const first = statSync(apiserver).ino;
    const replaced = () => existsSync(apiserver) && statSync(apiserver).ino !== first;
    await until("the second cluster half made", 60_000, replaced);
    if (killed.pid !== undefined) process.kill(-killed.pid, "SIGKILL");
    await cluster(["up", "1", ...archives]);
    t.match(await kubectl("get", "nodes", "-o", "name"), /^node\/node1\n$/);
    await cluster(["down"]);
    t.same(await traces(), []);
    const left = await loopInodes();
    t.same(left.filter((inode) => volumes.includes(inode)), []);
  });
});
