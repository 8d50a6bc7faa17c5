// A user's program.
package main

import (
	"example.com/pulumi-pod-patterns/sdk/go/podpatterns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		authority, err := podpatterns.NewCertificateAuthority(ctx, "ca", &podpatterns.CertificateAuthorityArgs{})
		if err != nil {
			return err
		}
		hours := 4000
		rebind := &podpatterns.RebindArgs{Env: map[string]string{"LISTEN": "{host}:{port}"}}
		search, err := podpatterns.NewWorkload(ctx, "search", &podpatterns.WorkloadArgs{
			App: podpatterns.AppArgs{
				Name:         "web",
				Image:        pulumi.String("web:1"),
				Ports:        []podpatterns.PortArgs{{Name: "http", Number: 8080, Rebind: rebind}},
				Env:          map[string]pulumi.Input{"LOG_LEVEL": pulumi.String("info")},
				StartupProbe: map[string]pulumi.Input{"httpGet": pulumi.Map{"path": pulumi.String("/"), "port": pulumi.String("http")}},
				Unset:        []podpatterns.AppUnset{podpatterns.AppUnsetUid},
			},
			Patterns: []podpatterns.PatternArgs{
				{TlsAmbassador: &podpatterns.TlsAmbassadorArgs{ValidityHours: &hours}},
				{MetricsAdapter: &podpatterns.MetricsAdapterArgs{Exporter: "redis"}},
			},
			Kind:      &podpatterns.WorkloadKindArgs{StatefulSet: &podpatterns.StatefulSetArgs{}},
			Authority: authority,
			Strategy:  podpatterns.RollingUpdateArgs{MaxSurge: "25%"},
			Unset:     []podpatterns.WorkloadUnset{podpatterns.WorkloadUnsetReplicas},
		})
		if err != nil {
			return err
		}
		_, err = podpatterns.NewInjectedChart(ctx, "shop", &podpatterns.InjectedChartArgs{
			Chart: pulumi.String("shop"),
			Injections: []podpatterns.InjectionArgs{{
				Name:     "tls",
				Target:   podpatterns.TargetArgs{Name: "shop"},
				Patterns: []podpatterns.PatternArgs{{TlsAmbassador: &podpatterns.TlsAmbassadorArgs{}}},
			}},
		})
		ctx.Export("url", search.Endpoints.MapIndex(pulumi.String("http")))
		return err
	})
}
