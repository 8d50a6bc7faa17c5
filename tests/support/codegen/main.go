// Binds the schema of a Pulumi package as `pulumi package add` does, and writes the SDKs that the CLI would generate.
//
// Reads the schema from standard input; its arguments are a directory and languages: go, nodejs, python. Prints what it finds wrong.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"

	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// the schema names nothing of another package
type none struct{ schema.ReferenceLoader }

func bound(spec schema.PackageSpec) *schema.Package {
	pkg, found, err := schema.BindSpec(spec, none{}, schema.ValidationOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if len(found) > 0 {
		log.Fatal(found)
	}
	return pkg
}

func generated(language string, pkg *schema.Package) (map[string][]byte, error) {
	switch language {
	case "go":
		return gogen.GeneratePackage("pulumi", pkg, nil)
	case "nodejs":
		return nodejs.GeneratePackage("pulumi", pkg, nil, nil, true, nil)
	case "python":
		return python.GeneratePackage("pulumi", pkg, nil, nil)
	}
	return nil, fmt.Errorf("no generator for %s", language)
}

func main() {
	log.SetFlags(0)
	var spec schema.PackageSpec
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&spec); err != nil {
		log.Fatal(err)
	}
	for _, language := range os.Args[2:] {
		// once for each: a generator changes what it is given
		files, err := generated(language, bound(spec))
		if err != nil {
			log.Fatalf("%s: %v", language, err)
		}
		for name, content := range files {
			path := filepath.Join(os.Args[1], language, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				log.Fatal(err)
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				log.Fatal(err)
			}
		}
	}
}
