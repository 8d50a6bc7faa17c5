// podinfo behind TLS, with an authority of its own.
package main

import (
	podpatterns "example.com/pulumi-pod-patterns/sdk/go/podpatterns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		authority, err := podpatterns.NewCertificateAuthority(ctx, "authority", &podpatterns.CertificateAuthorityArgs{
			CommonName: pulumi.StringRef("podinfo CA"),
		})
		if err != nil {
			return err
		}
		podinfo, err := podpatterns.NewWorkload(ctx, "podinfo", &podpatterns.WorkloadArgs{
			App: podpatterns.AppArgs{
				Name: "podinfo",
				// contents may be outputs, and be known later
				Image: pulumi.String("ghcr.io/stefanprodan/podinfo:6.14.1"),
				Uid:   pulumi.IntRef(100),
				Gid:   pulumi.IntRef(101),
				Ports: []podpatterns.PortArgs{{
					Name:   "http",
					Number: 9898,
					// how podinfo is told to listen behind the ambassador
					Rebind: &podpatterns.RebindArgs{
						Env: map[string]string{"PODINFO_HOST": "{host}", "PODINFO_PORT": "{port}"},
					},
				}},
				ReadinessProbe: map[string]pulumi.Input{
					"httpGet":       pulumi.Map{"path": pulumi.String("/readyz"), "port": pulumi.String("http")},
					"periodSeconds": pulumi.Int(5),
				},
			},
			Replicas:  pulumi.IntRef(2),
			Authority: authority,
			// in the order in which they start; each item has exactly one field
			Patterns: []podpatterns.PatternArgs{
				{WaitForInit: &podpatterns.WaitForInitArgs{
					Dns: []pulumi.StringInput{pulumi.String("kubernetes.default.svc.cluster.local")},
				}},
				{TlsAmbassador: &podpatterns.TlsAmbassadorArgs{
					ValidityHours: pulumi.IntRef(2160), // 90 days
				}},
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("url", podinfo.Endpoints.MapIndex(pulumi.String("http")))
		ctx.Export("ca", authority.TrustBundlePem)
		ctx.Export("summary", podinfo.Summary)
		return nil
	})
}
