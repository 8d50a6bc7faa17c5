// What the API server's own evaluator says about pods, in every version of the Pod Security Standards that it knows.
//
// Reads pods as JSON, one a line: {"annotations": {...}, "spec": {...}}. Writes a line for each: by version, why baseline and restricted
// refuse it, e.g. {"1.30": {"baseline": ["hostPort"], "restricted": ["hostPort"]}, ...}. The last version is one that it does not know yet.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	kjson "sigs.k8s.io/json"
)

// the first version in which Pod Security admission is stable
const first = 25

type pod struct {
	Annotations map[string]string `json:"annotations"`
	Spec        corev1.PodSpec    `json:"spec"`
}

func last(checks []policy.Check) int {
	newest := first
	for _, check := range checks {
		version := check.Versions[len(check.Versions)-1].MinimumVersion
		newest = max(newest, version.Minor())
	}
	return newest + 1
}

func reasons(evaluator policy.Evaluator, level api.Level, minor int, given *pod) []string {
	at := api.LevelVersion{Level: level, Version: api.MajorMinorVersion(1, minor)}
	results := evaluator.EvaluatePod(at, &metav1.ObjectMeta{Annotations: given.Annotations}, &given.Spec)
	found := policy.AggregateCheckResults(results).ForbiddenReasons
	if found == nil {
		return []string{}
	}
	return found
}

func main() {
	checks := policy.DefaultChecks()
	evaluator, err := policy.NewEvaluator(checks, nil)
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var given pod
		// as the API server reads: the case of keys matters
		if err := kjson.UnmarshalCaseSensitivePreserveInts(lines.Bytes(), &given); err != nil {
			log.Fatalf("%v: %s", err, lines.Bytes())
		}
		said := map[string]map[api.Level][]string{}
		for minor := first; minor <= last(checks); minor++ {
			said[fmt.Sprintf("1.%d", minor)] = map[api.Level][]string{
				api.LevelBaseline:   reasons(evaluator, api.LevelBaseline, minor, &given),
				api.LevelRestricted: reasons(evaluator, api.LevelRestricted, minor, &given),
			}
		}
		if err := out.Encode(said); err != nil {
			log.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}
