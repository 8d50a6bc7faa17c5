"""Rules about the Kubernetes objects of a Pulumi stack, whoever wrote them."""
