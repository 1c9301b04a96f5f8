{{- define "portico.labels" -}}
app.kubernetes.io/name: portico
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "portico.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "portico.apiServer" -}}
{{- $why := "set it to the API server's own address, such as https://10.0.0.5:6443: its cluster IP, which pods use, is for Portico itself to serve, so it would wait for itself" -}}
{{- $url := required (printf "apiServer is empty; %s" $why) .Values.apiServer -}}
{{- if regexMatch "^https://kubernetes([.:/]|$)" $url -}}
{{- fail (printf "apiServer is %s, a name of its cluster IP; %s" $url $why) -}}
{{- end -}}
{{- $url -}}
{{- end }}

{{- /* The configuration file of kube-proxy. What values say comes last, and so it counts. */ -}}
{{- define "portico.config" -}}
{{- $config := dict
      "apiVersion" "kubeproxy.config.k8s.io/v1alpha1" "kind" "KubeProxyConfiguration" "mode" "userspace"
      "healthzBindAddress" "0.0.0.0:10256" "oomScoreAdj" -997 -}}
{{- if .Values.metrics.enabled }}{{ $_ := set $config "metricsBindAddress" .Values.metrics.bindAddress }}{{ end -}}
{{- toYaml (mergeOverwrite $config .Values.config) -}}
{{- end }}

{{- define "portico.healthPort" -}}
{{- (include "portico.config" . | fromYaml).healthzBindAddress | splitList ":" | last -}}
{{- end }}
