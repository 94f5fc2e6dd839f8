{{- define "irsa-audit.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of all objects: the release's, with the chart's where that is not in it already. */}}
{{- define "irsa-audit.fullname" -}}
{{- $name := include "irsa-audit.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "irsa-audit.selector" -}}
app.kubernetes.io/name: {{ include "irsa-audit.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "irsa-audit.labels" -}}
{{ include "irsa-audit.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "irsa-audit.metadata" -}}
name: {{ include "irsa-audit.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "irsa-audit.labels" . | nindent 2 }}
{{- end -}}

{{- define "irsa-audit.serviceAccount" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.create -}}
{{- include "irsa-audit.fullname" . -}}
{{- else -}}
{{- fail "serviceAccount.name: name the ServiceAccount to use, or set serviceAccount.create" -}}
{{- end -}}
{{- end -}}

{{- define "irsa-audit.image" -}}
{{- $repository := required "image.repository: there is no published image; push one (README, Install) and say where it is" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What a monitor of the Prometheus operator says of its endpoint. The operator's own labels `namespace` and so on are the
binding's, so they win. */}}
{{- define "irsa-audit.endpoint" -}}
- port: metrics
  path: /metrics
  interval: {{ .Values.metrics.interval }}
  honorLabels: true
  {{- with .Values.metrics.clusterLabel }}
  relabelings:
    - action: replace
      targetLabel: cluster
      replacement: {{ . | quote }}
  {{- end }}
{{- end -}}

{{- define "irsa-audit.writer.fullname" -}}
{{- printf "%s-writer" (include "irsa-audit.fullname" . | trunc 56 | trimSuffix "-") -}}
{{- end -}}

{{/* The operator's selector must not select the writer's pods. */}}
{{- define "irsa-audit.writer.selector" -}}
app.kubernetes.io/name: {{ printf "%s-writer" (include "irsa-audit.name" . | trunc 56 | trimSuffix "-") }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "irsa-audit.writer.labels" -}}
{{ include "irsa-audit.writer.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "irsa-audit.writer.metadata" -}}
name: {{ include "irsa-audit.writer.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "irsa-audit.writer.labels" . | nindent 2 }}
{{- end -}}

{{- define "irsa-audit.writer.serviceAccount" -}}
{{- $name := .Values.writer.serviceAccount.name -}}
{{- if and (not $name) (not .Values.writer.serviceAccount.create) -}}
{{- fail "writer.serviceAccount.name: name the ServiceAccount to use, or set writer.serviceAccount.create" -}}
{{- end -}}
{{- $name = default (include "irsa-audit.writer.fullname" .) $name -}}
{{- if eq $name (include "irsa-audit.serviceAccount" .) -}}
{{- fail "writer.serviceAccount.name: the writer must not run as the operator's ServiceAccount" -}}
{{- end -}}
{{- $name -}}
{{- end -}}
