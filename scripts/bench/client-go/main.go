// One of the clients that `bench.sh watch` compares: client-go's shared informer on the Pods of one namespace,
// with typed objects from JSON or from protobuf, or with the dynamic client's unstructured ones. Like every
// client there it drops managedFields, counts changes and speaks the lines that scripts/bench/driver.ts defines.
package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if len(os.Args) != 5 {
		fail(fmt.Errorf("usage: %s typed-json|typed-protobuf|dynamic KUBECONFIG NAMESPACE MARKER", os.Args[0]))
	}
	mode, kubeconfig, namespace, marker := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	fmt.Printf("version %s\n", version())
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		fail(err)
	}
	informer, err := newInformer(mode, config, namespace)
	if err != nil {
		fail(err)
	}
	if err := informer.SetTransform(dropManagedFields); err != nil {
		fail(err)
	}
	seen := 0 // handlers of one registration are called one after the other
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(_, after any) {
			seen++
			if object, err := meta.Accessor(after); err == nil && object.GetName() == marker {
				fmt.Printf("seen %d\n", seen)
				seen = 0
			}
		},
	})
	if err != nil {
		fail(err)
	}
	stop := make(chan struct{})
	go informer.Run(stop)
	<-registration.HasSyncedChecker().Done()
	fmt.Println("synced")

	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		if commands.Text() == "digest" {
			fmt.Println(digest(informer.GetStore()))
		}
	}
	close(stop)
}

func newInformer(mode string, config *rest.Config, namespace string) (cache.SharedIndexInformer, error) {
	switch mode {
	case "typed-json":
		config.ContentType = "application/json"
	case "typed-protobuf":
		config.ContentType = "application/vnd.kubernetes.protobuf"
		config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	case "dynamic":
		client, err := dynamic.NewForConfig(config)
		if err != nil {
			return nil, err
		}
		pods := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
		return dynamicinformer.NewFilteredDynamicInformer(client, pods, namespace, 0, nil, nil).Informer(), nil
	default:
		return nil, fmt.Errorf("there is no client %q", mode)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return coreinformers.NewPodInformer(client, namespace, 0, nil), nil
}

func dropManagedFields(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}

// How many objects the store holds, and a hash over their keys and versions.
func digest(store cache.Store) string {
	objects := store.List()
	lines := make([]string, 0, len(objects))
	for _, item := range objects {
		object, err := meta.Accessor(item)
		if err != nil {
			fail(err)
		}
		lines = append(lines, fmt.Sprintf("%s/%s %s\n", object.GetNamespace(), object.GetName(), object.GetResourceVersion()))
	}
	sort.Strings(lines)
	hash := sha256.New()
	for _, line := range lines {
		hash.Write([]byte(line))
	}
	return fmt.Sprintf("digest %d %x", len(lines), hash.Sum(nil))
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "k8s.io/client-go" {
				return fmt.Sprintf("client-go %s, %s", module.Version, runtime.Version())
			}
		}
	}
	return "client-go of unknown version"
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
